"""The routes of a tenant's collections."""

from django.urls import path

from admin_ui.views import collection_search, collections, documents, injection

TENANT = [
    path("collections/", collections.index, name="collections"),
    path("collections/new/", collections.new, name="collections_new"),
    path("collections/requests/", injection.index, name="collections_requests"),
    path("collections/requests/keys/<uuid:key_id>/", injection.key, name="collections_requests_key"),
    path("collections/source/", documents.source, name="collections_source"),
    path("collections/<uuid:collection_id>/", collections.one, name="collections_one"),
    path("collections/<uuid:collection_id>/settings/", collections.settings, name="collections_settings"),
    path("collections/<uuid:collection_id>/delete/", collections.delete, name="collections_delete"),
    path("collections/<uuid:collection_id>/retry/", collections.retry, name="collections_retry"),
    path("collections/<uuid:collection_id>/search/", collection_search.search, name="collections_search"),
    path("collections/<uuid:collection_id>/upload/", documents.upload, name="collections_upload"),
    path("collections/<uuid:collection_id>/progress/", documents.progress, name="collections_progress"),
    path("collections/documents/<uuid:document_id>/", documents.document, name="collections_document"),
    path("collections/documents/<uuid:document_id>/reindex/", documents.reindex, name="collections_document_reindex"),
    path("collections/documents/<uuid:document_id>/cancel/", documents.cancel, name="collections_document_cancel"),
    path("collections/documents/<uuid:document_id>/delete/", documents.delete, name="collections_document_delete"),
]
