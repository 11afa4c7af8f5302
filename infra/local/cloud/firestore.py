"""A local google.firestore.v1.Firestore for the unchanged client, durable in the store.

It serves what the product calls: documents by their names, and commits. Queries, listings, transactions, bulk writes
and listening are UNIMPLEMENTED. Time-to-live policies and security rules are not applied.
"""

from collections.abc import Iterator

import grpc
import sqlalchemy

from infra.local.cloud import firestore_protos as protos
from infra.local.cloud.failures import Failure, failing
from infra.local.cloud.firestore_database import Database
from infra.local.cloud.firestore_protos import Message
from infra.local.cloud.firestore_values import masked
from infra.local.cloud.rpc import Method, add_service


def register(server: grpc.Server, engine: sqlalchemy.Engine) -> None:
    """Serve Firestore on `server` from the tables in `engine`."""
    add_service(server, "google.firestore.v1.Firestore", _Firestore(Database(engine)), _METHODS)


class _Firestore:
    """The remote procedures, each translated to a call of the database and back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @failing
    def BatchGetDocuments(self, request: Message, context: grpc.ServicerContext) -> Iterator[Message]:
        if request.WhichOneof("consistency_selector"):
            raise Failure(grpc.StatusCode.UNIMPLEMENTED, "transactions and reads in the past are not served locally")
        documents = self._database.get(request.documents)
        read_time = self._database.now()
        for name, document in documents.items():
            response = protos.BatchGetDocumentsResponse()
            if document is None:
                response.missing = name
            else:
                response.found.CopyFrom(
                    masked(document, request.mask.field_paths) if request.HasField("mask") else document
                )
            response.read_time.FromDatetime(read_time)
            yield response

    @failing
    def Commit(self, request: Message, context: grpc.ServicerContext) -> Message:
        if request.transaction:
            raise Failure(grpc.StatusCode.UNIMPLEMENTED, "transactions are not served locally")
        results, at = self._database.commit(request.writes)
        response = protos.CommitResponse(write_results=results)
        response.commit_time.FromDatetime(at)
        return response


_METHODS = {
    "BatchGetDocuments": Method(protos.BatchGetDocumentsRequest, protos.BatchGetDocumentsResponse, streams_out=True),
    "Commit": Method(protos.CommitRequest, protos.CommitResponse),
}
