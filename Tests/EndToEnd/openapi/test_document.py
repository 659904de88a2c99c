"""The document by itself: valid, complete, and in agreement with the source."""

import json
import re
import unittest

from support import ROOT
from support.service import command

SOURCES = ROOT / "Sources"
API = json.loads((SOURCES / "APIDocs/Web/openapi.json").read_text())


def follow(value):
    """Return the target of a reference."""
    while "$ref" in value:
        found = API
        for step in value["$ref"][2:].split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
        value = found
    return value


def operations():
    """Return every operation with its path and method."""
    return [(path, method, operation) for path, item in API["paths"].items()
            for method, operation in item.items() if method in ("get", "put", "post", "patch", "delete")]


def bodies():
    """Return every body of a request or an answer: a name, its schema, its examples."""
    for path, method, operation in operations():
        parts = [("body", operation["requestBody"])] if "requestBody" in operation else []
        parts += [(status, follow(response)) for status, response in operation["responses"].items()]
        for name, part in parts:
            for kind, media in part.get("content", {}).items():
                told = [media["example"]] if "example" in media else []
                told += [follow(one)["value"] for one in media.get("examples", {}).values()]
                yield f"{method} {path} {name} {kind}", media.get("schema", {}), told


class Document(unittest.TestCase):
    """What the author of a client relies on."""

    def test_valid(self):
        """The document is valid OpenAPI 3.1."""
        from openapi_spec_validator import OpenAPIV31SpecValidator  # only the environment of this suite has it
        self.assertEqual([str(error) for error in OpenAPIV31SpecValidator(API).iter_errors()], [])

    def test_examples(self):
        """Every example fits its schema, and every body has an example or is empty."""
        import jsonschema_rs  # only the environment of this suite has it
        count = 0
        for name, schema, examples in bodies():
            validator = jsonschema_rs.Draft202012Validator(schema | {"components": API["components"]},
                                                           validate_formats=True)
            for example in examples:
                with self.subTest(name):
                    self.assertEqual([error.message for error in validator.iter_errors(example)], [])
                    count += 1
        self.assertGreater(count, 60)

    def test_links(self):
        """Every link leads to an operation and gives it only parameters that it has."""
        known = {operation["operationId"]: (path, operation) for path, _, operation in operations()}
        self.assertEqual(len(known), len(operations()))
        for name, link in API["components"]["links"].items():
            with self.subTest(name):
                path, operation = known[link["operationId"]]
                taken = [follow(one) for one in operation.get("parameters", []) + API["paths"][path].get("parameters", [])]
                names = {one["name"] for one in taken} | {f"{one['in']}.{one['name']}" for one in taken}
                self.assertLessEqual(set(link["parameters"]), names)

    def test_nothing_is_left_over(self):
        """Every component is used."""
        text = json.dumps(API)
        for kind, parts in API["components"].items():
            for name in parts if kind != "securitySchemes" else ():
                with self.subTest(f"{kind}/{name}"):
                    self.assertIn(f'"#/components/{kind}/{name}"', text)

    def test_objects_are_closed(self):
        """Every object says whether it may have members that it does not name."""
        def walk(value, place):
            if isinstance(value, dict):
                if value.get("type") == "object":
                    self.assertIn("additionalProperties", value, place)
                for key, inner in value.items():
                    walk(inner, f"{place}/{key}")
            elif isinstance(value, list):
                for index, inner in enumerate(value):
                    walk(inner, f"{place}/{index}")
        walk(API["components"]["schemas"], "schemas")
        walk(API["paths"], "paths")

    def test_version(self):
        """The document has the version of the program."""
        self.assertEqual(command("--version").stdout.strip(), API["info"]["version"])

    def test_codes(self):
        """Each problem is described for some call, with its status, or belongs to no call."""
        pages = {page.stem: page.read_text() for page in (ROOT / "docs/problems").glob("*.md")}
        statuses = {code: int(re.search(r"^(\d+) `", text, re.M)[1]) for code, text in pages.items()}
        told = {}
        for path, method, operation in operations():
            for status, response in operation["responses"].items():
                for kind, media in follow(response).get("content", {}).items():
                    if kind == "application/problem+json":
                        self.assertEqual(media["schema"]["properties"]["status"], {"const": int(status)})
                        told |= {code: int(status) for code in media["schema"]["properties"]["code"]["enum"]}
        # These belong to no call: an unknown path, and a method that a path does not have.
        self.assertEqual(told | {"not-found": 404, "method-not-allowed": 405}, statuses)
