"""The raw protobuf messages of google.firestore.v1, which are quicker than the client's wrappers around them."""

from typing import Any, TypeAlias

from google.cloud.firestore_v1 import types

Message: TypeAlias = Any
"""A raw protobuf message. The names of parameters tell which: `document`, `value`, `query`, `write`."""

BatchGetDocumentsRequest = types.BatchGetDocumentsRequest.pb()
BatchGetDocumentsResponse = types.BatchGetDocumentsResponse.pb()
CommitRequest = types.CommitRequest.pb()
CommitResponse = types.CommitResponse.pb()
Document = types.Document.pb()
Value = types.Value.pb()
WriteResult = types.WriteResult.pb()
