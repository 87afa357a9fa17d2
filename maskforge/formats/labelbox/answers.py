"""Answers to the questions about an object or a whole image, in the words of all versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_NAMES = ("name", "title", "value")
_ANSWERS = ("radio_answer", "checklist_answers", "answer", "answers")


def name_of(value: object) -> str:
    """Return the name of a question, answer or class; empty if it has none."""
    if isinstance(value, dict):
        found = (value[key] for key in _NAMES if isinstance(value.get(key), str))
        return next((one for one in found if one.strip()), "")
    return ""


def chosen(classifications: object) -> Iterator[str]:
    """Yield the names of the answers that were chosen; free text is none."""
    for one in classifications if isinstance(classifications, list) else ():
        if isinstance(one, dict):
            for answer in _answers(one):
                if name := name_of(answer):
                    yield name


def _answers(classification: Mapping[str, Any]) -> list[Any]:
    found = next((classification[key] for key in _ANSWERS if key in classification), None)
    return found if isinstance(found, list) else [found]


def as_import(classifications: object) -> list[dict[str, Any]]:
    """Return classifications of any version as an import has them."""
    written = []
    for one in classifications if isinstance(classifications, list) else ():
        name = name_of(one)
        if not name:
            continue
        text = one.get("text_answer")
        answers = [{"name": name_of(answer)} for answer in _answers(one) if name_of(answer)]
        several = isinstance(
            one.get("checklist_answers", one.get("answers", one.get("answer"))), list
        )
        if isinstance(text, dict) and isinstance(text.get("content"), str):
            written.append({"name": name, "answer": text["content"]})
        elif isinstance(one.get("answer"), str):
            written.append({"name": name, "answer": one["answer"]})
        elif answers:
            written.append({"name": name, "answer": answers if several else answers[0]})
    return written
