"""Prints the console's OpenAPI document, from which the pages' types are made (`npm run types`)."""

from __future__ import annotations

import json
import sys

from channel.console.app import document

if __name__ == "__main__":
    json.dump(document(), sys.stdout)
