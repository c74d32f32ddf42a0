"""Invoke: moto 5.2.5 runs functions in containers or returns a fixed text. Here STACK_INVOKE_URL, which runs the deployed package for
real, gets the function's ARN and the event, and its response is passed on with the headers that AWS documents."""

import json
import os
import urllib.request

from moto.awslambda import models
from moto.awslambda_simple.models import LambdaSimpleBackend


def apply():
    url = os.environ.get("STACK_INVOKE_URL")
    if not url:
        return
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever proxy the environment names

    def invoke(self, function_name, qualifier, body, headers, response_headers):
        function = self.get_function(function_name, qualifier)  # responds with 404 if there is none
        kind = headers.get("X-Amz-Invocation-Type") or "RequestResponse"
        if kind == "DryRun":
            return b""
        request = urllib.request.Request(url, method="POST", headers={"content-type": "application/json"})
        event = body.decode() if isinstance(body, bytes) else body
        message = {"functionArn": function.function_arn, "qualifier": qualifier, "type": kind, "event": event or "{}"}
        with direct.open(request, json.dumps(message).encode(), timeout=1000) as response:
            result = json.load(response)
        if kind == "Event":
            return b""
        response_headers["x-amz-executed-version"] = str(function.version)
        response_headers["x-amz-log-result"] = result["logResult"]
        if result.get("functionError"):
            response_headers["x-amz-function-error"] = result["functionError"]
        payload = result["payload"].encode()
        response_headers["Content-Length"] = str(len(payload))
        return payload

    models.LambdaBackend.invoke = invoke
    LambdaSimpleBackend.invoke = invoke
