"""What the Python scripts did that Maken replaces: walk the records, read each one's vector, send.

    python ingest_baseline.py elasticsearch|opensearch URL INDEX MAPPING RECORDS_DIR VECTORS_DIR

RECORDS_DIR holds <folder>/<id>.json, VECTORS_DIR <folder>/<id>.npy. The index is made anew with the
mapping, and ends refreshed. Needs numpy, and elasticsearch or opensearch-py.
"""
import json
import sys
from pathlib import Path

import numpy as np

kind, url, index, mapping, records, vectors = sys.argv[1:7]
if kind == "elasticsearch":
    from elasticsearch import Elasticsearch
    from elasticsearch.helpers import streaming_bulk

    client = Elasticsearch(url, request_timeout=120)
    client.indices.delete(index=index, ignore_unavailable=True)
    client.indices.create(index=index, **json.loads(Path(mapping).read_text()))
else:
    from opensearchpy import OpenSearch
    from opensearchpy.helpers import streaming_bulk

    client = OpenSearch(url, timeout=120)
    client.indices.delete(index=index, ignore_unavailable=True)
    client.indices.create(index=index, body=json.loads(Path(mapping).read_text()))


def actions():
    for path in Path(records).rglob("*.json"):
        record = json.load(path.open())
        metadata = record["metadata"]
        vector = np.load(Path(vectors) / path.relative_to(records).with_suffix(".npy"))
        yield {
            "_index": index,
            "_id": record["id"],
            "id": record["id"],
            "filename": metadata["identifiers"]["urn"].replace("URN:NBN:no-nb_", ""),
            "access": record["accessInfo"]["accessAllowedFrom"].lower(),
            "title": metadata["title"],
            "creators": metadata.get("creators", []),
            "subject": metadata.get("subject", {}).get("topics", []) + metadata.get("subjectName", []),
            "license": record["accessInfo"].get("license", ""),
            "date": metadata["originInfo"].get("issued", ""),
            "thumbnail": record["_links"]["thumbnail_medium"]["href"],
            "vector": vector.tolist(),
        }


stored = sum(ok for ok, _ in streaming_bulk(client, actions(), chunk_size=500))
client.indices.refresh(index=index)
print(json.dumps({"stored": stored}))
