"""A local google.firestore.v1.Firestore for the unchanged client, durable in the store.

Differences from the cloud: no composite index is asked for, time-to-live policies and security rules are not
applied, reads in the past (read_time), vector search, PartitionQuery, pipelines, Listen and the Write stream are
missing,
and transactions are optimistic: one that lost a race is ABORTED when it commits.
"""

import secrets
import string
from collections.abc import Iterator
from typing import Any

import grpc
import sqlalchemy
from google.protobuf.empty_pb2 import Empty
from google.rpc.status_pb2 import Status

from infra.local.cloud import firestore_documents as stored
from infra.local.cloud import firestore_protos as protos
from infra.local.cloud.failures import Failure, failing
from infra.local.cloud.firestore_database import Database
from infra.local.cloud.firestore_protos import Message
from infra.local.cloud.firestore_query import aggregates, projected
from infra.local.cloud.firestore_values import masked
from infra.local.cloud.rpc import Method, add_service

_PAGE = 300
_ID_CHARACTERS = string.ascii_letters + string.digits


def register(server: grpc.Server, engine: sqlalchemy.Engine) -> None:
    """Serve Firestore on `server` from the tables in `engine`."""
    add_service(server, "google.firestore.v1.Firestore", _Firestore(Database(engine)), _METHODS)


class _Firestore:
    """The remote procedures, each translated to a call of the database and back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @failing
    def GetDocument(self, request: Message, context: grpc.ServicerContext) -> Message:
        _refuse_past(request)
        document = self._database.get([request.name], request.transaction)[request.name]
        if document is None:
            raise Failure.not_found(f'Document "{request.name}" not found.')
        return _shown(document, request)

    @failing
    def BatchGetDocuments(self, request: Message, context: grpc.ServicerContext) -> Iterator[Message]:
        transaction, begun = self._transaction(request)
        if begun:
            yield protos.BatchGetDocumentsResponse(transaction=begun)
        documents = self._database.get(request.documents, transaction)
        read_time = self._database.now()
        for name, document in documents.items():
            response = protos.BatchGetDocumentsResponse()
            if document is None:
                response.missing = name
            else:
                response.found.CopyFrom(_shown(document, request))
            response.read_time.FromDatetime(read_time)
            yield response

    @failing
    def ListDocuments(self, request: Message, context: grpc.ServicerContext) -> Message:
        _refuse_past(request)
        if request.order_by:
            raise Failure(grpc.StatusCode.UNIMPLEMENTED, "ListDocuments is served in the order of names only")
        with self._database.reading() as tx:
            documents = {document.name: document for document in stored.scan(tx, request.parent, request.collection_id)}
            ids = stored.document_ids(tx, request.parent, request.collection_id)
        names = [f"{request.parent}/{request.collection_id}/{document_id}" for document_id in ids]
        asked = [name for name in names if name > request.page_token and (name in documents or request.show_missing)]
        page = asked[: request.page_size or _PAGE]
        return protos.ListDocumentsResponse(
            documents=[_shown(documents.get(name, protos.Document(name=name)), request) for name in page],
            next_page_token=page[-1] if len(page) < len(asked) else "",
        )

    @failing
    def ListCollectionIds(self, request: Message, context: grpc.ServicerContext) -> Message:
        with self._database.reading() as tx:
            return protos.ListCollectionIdsResponse(collection_ids=stored.collection_ids(tx, request.parent))

    @failing
    def CreateDocument(self, request: Message, context: grpc.ServicerContext) -> Message:
        document_id = request.document_id or _new_id()
        write = protos.Write(update=request.document, current_document=protos.Precondition(exists=False))
        write.update.name = f"{request.parent}/{request.collection_id}/{document_id}"
        return self._written(write, request)

    @failing
    def UpdateDocument(self, request: Message, context: grpc.ServicerContext) -> Message:
        write = protos.Write(update=request.document)
        if request.HasField("update_mask"):
            write.update_mask.CopyFrom(request.update_mask)
        if request.HasField("current_document"):
            write.current_document.CopyFrom(request.current_document)
        return self._written(write, request)

    @failing
    def DeleteDocument(self, request: Message, context: grpc.ServicerContext) -> Message:
        write = protos.Write(delete=request.name, current_document=request.current_document)
        self._database.write(write)
        return Empty()

    @failing
    def Commit(self, request: Message, context: grpc.ServicerContext) -> Message:
        results, at = self._database.commit(request.writes, request.transaction)
        response = protos.CommitResponse(write_results=results)
        response.commit_time.FromDatetime(at)
        return response

    @failing
    def BatchWrite(self, request: Message, context: grpc.ServicerContext) -> Message:
        response = protos.BatchWriteResponse()
        for outcome in self._database.write_each(request.writes):
            refused = isinstance(outcome, Failure)
            response.write_results.append(protos.WriteResult() if refused else outcome)
            response.status.append(_status(outcome) if refused else Status())
        return response

    @failing
    def BeginTransaction(self, request: Message, context: grpc.ServicerContext) -> Message:
        return protos.BeginTransactionResponse(transaction=self._begin(request.options))

    @failing
    def Rollback(self, request: Message, context: grpc.ServicerContext) -> Message:
        self._database.transactions.end(request.transaction)
        return Empty()

    @failing
    def RunQuery(self, request: Message, context: grpc.ServicerContext) -> Iterator[Message]:
        transaction, begun = self._transaction(request)
        query = request.structured_query
        documents = self._database.query(request.parent, query, transaction)
        first = protos.RunQueryResponse(transaction=begun, skipped_results=query.offset)
        first.read_time.FromDatetime(self._database.now())
        yield first
        for document in documents:
            response = protos.RunQueryResponse(document=projected(query, document))
            response.read_time.CopyFrom(first.read_time)
            yield response

    @failing
    def RunAggregationQuery(self, request: Message, context: grpc.ServicerContext) -> Iterator[Message]:
        transaction, begun = self._transaction(request)
        query = request.structured_aggregation_query
        documents = self._database.query(request.parent, query.structured_query, transaction)
        response = protos.RunAggregationQueryResponse(transaction=begun)
        response.read_time.FromDatetime(self._database.now())
        for alias, value in aggregates(query.aggregations, documents).items():
            response.result.aggregate_fields[alias].CopyFrom(value)
        yield response

    def _written(self, write: Message, request: Message) -> Message:
        return _shown(self._database.write(write), request)

    def _transaction(self, request: Message) -> tuple[bytes, bytes]:
        """The transaction a read belongs to, and again if the read is what began it."""
        _refuse_past(request)
        if request.HasField("new_transaction"):
            begun = self._begin(request.new_transaction)
            return begun, begun
        return request.transaction, b""

    def _begin(self, options: Message) -> bytes:
        return self._database.transactions.begin(read_only=options.HasField("read_only"))


def _refuse_past(request: Message) -> None:
    if request.HasField("read_time"):
        raise Failure(grpc.StatusCode.UNIMPLEMENTED, "reads in the past are not served locally")


def _shown(document: Message, request: Message) -> Message:
    return masked(document, request.mask.field_paths) if request.HasField("mask") else document


def _status(failure: Failure) -> Status:
    code: Any = failure.code.value[0]
    return Status(code=code, message=failure.message)


def _new_id() -> str:
    return "".join(secrets.choice(_ID_CHARACTERS) for _ in range(20))


_METHODS = {
    "GetDocument": Method(protos.GetDocumentRequest, protos.Document),
    "ListDocuments": Method(protos.ListDocumentsRequest, protos.ListDocumentsResponse),
    "ListCollectionIds": Method(protos.ListCollectionIdsRequest, protos.ListCollectionIdsResponse),
    "CreateDocument": Method(protos.CreateDocumentRequest, protos.Document),
    "UpdateDocument": Method(protos.UpdateDocumentRequest, protos.Document),
    "DeleteDocument": Method(protos.DeleteDocumentRequest, Empty),
    "Commit": Method(protos.CommitRequest, protos.CommitResponse),
    "BatchWrite": Method(protos.BatchWriteRequest, protos.BatchWriteResponse),
    "BeginTransaction": Method(protos.BeginTransactionRequest, protos.BeginTransactionResponse),
    "Rollback": Method(protos.RollbackRequest, Empty),
    "BatchGetDocuments": Method(protos.BatchGetDocumentsRequest, protos.BatchGetDocumentsResponse, streams_out=True),
    "RunQuery": Method(protos.RunQueryRequest, protos.RunQueryResponse, streams_out=True),
    "RunAggregationQuery": Method(
        protos.RunAggregationQueryRequest, protos.RunAggregationQueryResponse, streams_out=True
    ),
}
