"""The official SDK pointed at a stand-in: over its address, or in memory without any socket."""

import httpx
import stripe

from tests.stripe_standin.api import Api

__all__ = ["InMemory", "client_of", "in_memory_client"]


class InMemory(httpx.AsyncBaseTransport):
    """Hands the SDK's requests to the API itself."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request; a cut connection is a read error, as over a socket."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        target = request.url.raw_path.decode("ascii")
        answer = self.api.answer(request.method, target, headers, await request.aread())
        if answer is None:
            raise httpx.ReadError("cut by the stand-in", request=request)
        return httpx.Response(answer.status, headers=answer.headers, content=answer.body)


def client_of(url: str, key: str = "sk_test_standin") -> stripe.StripeClient:
    """The SDK's async client over sockets."""
    return stripe.StripeClient(
        key, http_client=stripe.HTTPXClient(), base_addresses={"api": url}, max_network_retries=0
    )


def in_memory_client(transport: InMemory) -> stripe.StripeClient:
    """The same without sockets; the transport's API may be changed for another meanwhile."""
    http_client = stripe.HTTPXClient()
    http_client._client_async = httpx.AsyncClient(transport=transport)
    return stripe.StripeClient(
        transport.api.key,
        http_client=http_client,
        base_addresses={"api": "http://stripe.test"},
        max_network_retries=0,
    )
