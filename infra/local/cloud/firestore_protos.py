"""The raw protobuf messages of google.firestore.v1, which are quicker than the client's wrappers around them."""

from typing import Any, TypeAlias

from google.cloud.firestore_v1 import types

Message: TypeAlias = Any
"""A raw protobuf message. The names of parameters tell which: `document`, `value`, `query`, `write`."""

BatchGetDocumentsRequest = types.BatchGetDocumentsRequest.pb()
BatchGetDocumentsResponse = types.BatchGetDocumentsResponse.pb()
BatchWriteRequest = types.BatchWriteRequest.pb()
BatchWriteResponse = types.BatchWriteResponse.pb()
BeginTransactionRequest = types.BeginTransactionRequest.pb()
BeginTransactionResponse = types.BeginTransactionResponse.pb()
CommitRequest = types.CommitRequest.pb()
CommitResponse = types.CommitResponse.pb()
CreateDocumentRequest = types.CreateDocumentRequest.pb()
DeleteDocumentRequest = types.DeleteDocumentRequest.pb()
Document = types.Document.pb()
GetDocumentRequest = types.GetDocumentRequest.pb()
ListCollectionIdsRequest = types.ListCollectionIdsRequest.pb()
ListCollectionIdsResponse = types.ListCollectionIdsResponse.pb()
ListDocumentsRequest = types.ListDocumentsRequest.pb()
ListDocumentsResponse = types.ListDocumentsResponse.pb()
Precondition = types.Precondition.pb()
RollbackRequest = types.RollbackRequest.pb()
RunAggregationQueryRequest = types.RunAggregationQueryRequest.pb()
RunAggregationQueryResponse = types.RunAggregationQueryResponse.pb()
RunQueryRequest = types.RunQueryRequest.pb()
RunQueryResponse = types.RunQueryResponse.pb()
StructuredQuery = types.StructuredQuery.pb()
UpdateDocumentRequest = types.UpdateDocumentRequest.pb()
Value = types.Value.pb()
Write = types.Write.pb()
WriteResult = types.WriteResult.pb()
