"""Pages: moto 5.2.5 returns every list of Lambda's API whole. AWS returns at most so many items, with NextMarker where there are more."""

import json

from moto.awslambda import responses

PAGES = {
    "list_event_source_mappings": ("EventSourceMappings", 100),
    "list_functions": ("Functions", 50),
    "list_versions_by_function": ("Versions", 50),
    "list_aliases": ("Aliases", 50),
}


def apply():
    for method, (field, most) in PAGES.items():
        page(method, field, most)


def page(method, field, most):
    whole = getattr(responses.LambdaResponse, method)

    def one_page(self):
        response = whole(self)
        items = json.loads(response[2] if isinstance(response, tuple) else response)[field]
        start = int(self.querystring.get("Marker", ["0"])[0])
        size = min(int(self.querystring.get("MaxItems", [str(most)])[0]), most)
        body = {field: items[start : start + size]}
        if start + size < len(items):
            body["NextMarker"] = str(start + size)
        return json.dumps(body)

    setattr(responses.LambdaResponse, method, one_page)
