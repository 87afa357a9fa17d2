"""The description of all routes at ``/openapi.json``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

import maskforge
from maskforge.server.operation import JSON, ErrorReply, Operation

_VARIABLE = re.compile(r"\{(\w+)\}")
_TEMPLATE = "#/components/schemas/{name}"


def openapi(operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the description, by the OpenAPI Specification 3.1.

    Args:
        operations: The routes.
    """
    operations = [*operations]
    bodies = (kind for one in operations for kind in (one.answer, one.body))
    types = [ErrorReply, *(kind for kind in bodies if kind is not None)]
    queries = {one.query for one in operations}
    schemas, components = msgspec.json.schema_components([*types, *queries], ref_template=_TEMPLATE)
    by_type = dict(zip([*types, *queries], schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _described(one, by_type, components)
    hidden = {query.__name__ for query in queries}
    return {
        "openapi": "3.1.0",
        "info": {"title": "maskforge serve", "version": maskforge.__version__},
        "paths": paths,
        "components": {
            "schemas": {name: one for name, one in components.items() if name not in hidden}
        },
    }


def _described(
    operation: Operation, by_type: dict[Any, dict[str, Any]], components: dict[str, Any]
) -> dict[str, Any]:
    answers = {
        kind: {"schema": by_type[operation.answer]} if operation.answer is not None else {}
        for kind in operation.media_types
    }
    found: dict[str, Any] = {
        "summary": operation.summary,
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in _VARIABLE.findall(operation.path)
        ],
        "responses": {
            "200": {"description": operation.summary, "content": answers},
            "default": {
                "description": "What is wrong.",
                "content": {JSON: {"schema": by_type[ErrorReply]}},
            },
        },
    }
    query = components[operation.query.__name__]
    for name, schema in query.get("properties", {}).items():
        found["parameters"].append({"name": name, "in": "query", "schema": schema})
    if operation.body is not None:
        schema = {"schema": by_type[operation.body]}
        found["requestBody"] = {"required": True, "content": {JSON: schema}}
    elif operation.takes_body:
        content = {"type": "string", "format": "binary"}
        found["requestBody"] = {
            "required": True,
            "content": {
                "image/*": {"schema": content},
                "multipart/form-data": {
                    "schema": {"type": "object", "properties": {"image": content}}
                },
            },
        }
    return found
