"""validate_bundle.py SCHEMA-FOLDER FILE [DEFINITION]: holds JSON of an OCI bundle against the runtime specification's schema."""
import json
import pathlib
import sys

import jsonschema

folder = pathlib.Path(sys.argv[1]).resolve()
definition = sys.argv[3] if len(sys.argv) > 3 else ""
name = "config-schema.json"
schema = json.loads((folder / name).read_text())
base = folder.as_uri() + "/"
# The schemas refer to each other below the address that they are published at.
published = schema.get("id", schema.get("$id", "")).rsplit("/", 1)[0]


def fetch(address):
    return json.loads((folder / address.rsplit("/", 1)[1]).read_text())


resolver = jsonschema.RefResolver(base + name, schema, handlers={"https": fetch, "http": fetch})
for file in folder.glob("*.json"):
    document = json.loads(file.read_text())
    for address in {base + file.name, f"{published}/{file.name}", document.get("id", ""), document.get("$id", "")}:
        if address:
            resolver.store[address] = document
if definition:
    schema = schema["properties"][definition]
errors = list(jsonschema.Draft4Validator(schema, resolver=resolver).iter_errors(json.loads(pathlib.Path(sys.argv[2]).read_text())))
for error in errors:
    print("/".join(str(part) for part in error.absolute_path) + ": " + error.message)
sys.exit(1 if errors else 0)
