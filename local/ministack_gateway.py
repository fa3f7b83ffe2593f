"""Have MiniStack's API Gateway import what it leaves out of an OpenAPI document.

SAM writes both: `x-amazon-apigateway-any-method`, for every method that a path does not name, and
`x-amazon-apigateway-gateway-responses`, what API Gateway answers without a function.
"""

import inspect
from collections.abc import Mapping
from typing import Any

ANY_METHOD = "x-amazon-apigateway-any-method"
RESPONSES = "x-amazon-apigateway-gateway-responses"

_KNOWN_SIGNATURES = {
    "_import_operation": [
        "api_id",
        "resource_id",
        "http_method",
        "operation",
        "scheme_map",
        "default_security",
    ],
    "_import_rest_api": ["spec", "base_data"],
    "_put_gateway_response": ["api_id", "response_type", "data"],
}


class Changed(Exception):
    """MiniStack's API Gateway is not as this module knows it; the text says where."""


def teach(gateway: Any) -> None:
    """Replace how MiniStack imports a document.

    Parameters:
        gateway: its module `services.apigateway_v1`.

    Raises:
        Changed: its internals are not those that are known here.
    """
    for name, parameters in _KNOWN_SIGNATURES.items():
        function = getattr(gateway, name, None)
        if function is None or list(inspect.signature(function).parameters) != parameters:
            raise Changed(name)
    if not isinstance(getattr(gateway, "_OPENAPI_HTTP_METHODS", None), set):
        raise Changed("_OPENAPI_HTTP_METHODS")
    import_operation, import_rest_api = gateway._import_operation, gateway._import_rest_api

    def with_any(api_id: str, resource_id: str, http_method: str, *rest: Any) -> None:
        method = "ANY" if http_method.lower() == ANY_METHOD else http_method
        import_operation(api_id, resource_id, method, *rest)

    def with_responses(spec: Mapping[str, Any], base_data: Any = None) -> str:
        api_id: str = import_rest_api(spec, base_data)
        for kind, response in (spec.get(RESPONSES) or {}).items():
            gateway._put_gateway_response(api_id, kind, response)
        return api_id

    gateway._OPENAPI_HTTP_METHODS.add(ANY_METHOD)
    gateway._import_operation = with_any
    gateway._import_rest_api = with_responses
