"""JSON schemas of tools, as the API takes them."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.json_schema import PydanticJsonSchemaWarning

from .errors import AgentError

MAX_DEPTH = 32
MAX_ERROR = 1000
"""Characters of what a model is told about arguments that don't fit."""


class Arguments:
    """The arguments of one tool: their schema, and what is made of them."""

    def __init__(self, title: str, parameters: Mapping[str, tuple[Any, Any]]) -> None:
        """`parameters`: annotation and default (`...`: none) by name. Raises AgentError."""
        self._names = list(parameters)
        fields: dict[str, Any] = {}
        for index, (name, (annotation, default)) in enumerate(parameters.items()):
            # Under names of our own, none is one that pydantic has a use for.
            fields[f"a{index}"] = (Annotated[annotation, Field(alias=name)], default)
        config = ConfigDict(extra="forbid", validate_default=False, protected_namespaces=())
        try:
            self._model: type[BaseModel] = create_model(title, __config__=config, **fields)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", PydanticJsonSchemaWarning)  # a default that is no JSON is not shown
                schema = self._model.model_json_schema(by_alias=True)
        except AgentError:
            raise
        except Exception as error:  # whatever pydantic, or a type of the user's, raises
            raise AgentError(_first_line(error)) from error
        self.schema = resolved(schema)

    def parse(self, text: str) -> dict[str, Any]:
        """Of the model's JSON. Raises ValueError that says, for the model, what does not fit."""
        try:
            values = self._model.model_validate_json(text or "{}")
        except ValidationError as error:
            raise ValueError(_told(error)) from None
        return {name: getattr(values, f"a{index}") for index, name in enumerate(self._names)}


def parameters_of(
    function: Callable[..., Any], hints: Mapping[str, Any], injected: type
) -> tuple[dict[str, Any], list[str]]:
    """What a method takes from the model, and the names of the parameters that are given an `injected`. Raises
    AgentError."""
    parameters: dict[str, tuple[Any, Any]] = {}
    handed_in: list[str] = []
    for index, (name, parameter) in enumerate(inspect.signature(function).parameters.items()):
        if index == 0:
            continue  # self
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise AgentError(f"parameter {parameter} can't be given by name")
        if name not in hints:
            raise AgentError(f"parameter '{name}' has no annotation")
        annotation = hints[name]
        if isinstance(annotation, type) and issubclass(annotation, injected):
            handed_in.append(name)
            continue
        default = ... if parameter.default is parameter.empty else parameter.default
        parameters[name] = annotation, default
    return parameters, handed_in


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Without `$ref` and `$defs`, and without the titles that pydantic makes of names. Raises AgentError where a type
    contains itself."""
    return _object_schema(_resolve(schema, schema.get("$defs", {}), ()))


def _object_schema(schema: Any) -> dict[str, Any]:
    schema.pop("$defs", None)
    schema.setdefault("properties", {})
    return dict(schema)


def _resolve(schema: Any, defs: Mapping[str, Any], within: tuple[str, ...], *, names: bool = False) -> Any:
    """`names`: the members of this object are names of the user's."""
    if isinstance(schema, list):
        return [_resolve(each, defs, within) for each in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref") if not names else None
    if isinstance(reference, str):
        name = reference.removeprefix("#/$defs/")
        if name in within or len(within) > MAX_DEPTH or name not in defs:
            raise AgentError(f"type {name} contains itself: no schema without references can say that")
        found = _resolve(defs[name], defs, (*within, name))
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return {**found, **_resolve(beside, defs, within)}
    result: dict[str, Any] = {}
    for key, value in schema.items():
        if names:
            result[key] = _resolve(value, defs, within)
        elif key in ("$defs", "discriminator") or (key == "title" and isinstance(value, str)):
            continue
        elif key in ("default", "const", "enum", "examples"):
            result[key] = value
        else:
            result[key] = _resolve(value, defs, within, names=key in ("properties", "patternProperties"))
    return result


def _told(error: ValidationError) -> str:
    texts = []
    for each in error.errors(include_url=False, include_input=False, include_context=False):
        place = ".".join(map(str, each["loc"]))
        texts.append(f"{place}: {each['msg']}" if place else each["msg"])
    text = "; ".join(texts)
    return text if len(text) <= MAX_ERROR else text[:MAX_ERROR] + " …"


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
