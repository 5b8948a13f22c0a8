"""Customers, Checkout Sessions, PaymentIntents and events as Stripe shows them.

Every field of Stripe's own examples stands here, most of them as they are when nobody asked
for them; a reader that relies on one finds it.
"""

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["Json", "checkout_session", "customer", "event", "line_item", "page", "payment_intent"]

Json = dict[str, Any]


def customer(key: str, created: int, params: Mapping[str, Any]) -> Json:
    """A customer."""
    return {
        "id": key,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": created,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": params.get("description"),
        "discount": None,
        "email": params.get("email"),
        "invoice_prefix": key[-8:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": dict(params.get("metadata") or {}),
        "name": params.get("name"),
        "next_invoice_sequence": 1,
        "phone": params.get("phone"),
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def checkout_session(
    key: str, created: int, params: Mapping[str, Any], *, currency: str, amount: int, url: str
) -> Json:
    """A session that was just opened: no PaymentIntent yet, as since version 2022-08-01."""
    methods = params.get("payment_method_types") or ["card", "us_bank_account"]
    return {
        "id": key,
        "object": "checkout.session",
        **dict.fromkeys(_NOT_ASKED_FOR),
        **_settings(),
        "amount_subtotal": amount,
        "amount_total": amount,
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "created": created,
        "currency": currency,
        "customer": params.get("customer"),
        "customer_creation": None if params.get("customer") else "if_required",
        "customer_details": None,
        "customer_email": params.get("customer_email"),
        "expires_at": int(params["expires_at"]),
        "livemode": False,
        "metadata": dict(params.get("metadata") or {}),
        "mode": params["mode"],
        "payment_intent": None,
        "payment_method_types": list(methods),
        "payment_status": "unpaid",
        "status": "open",
        "success_url": params["success_url"],
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": url,
    }


# What a session shows as null unless its maker asked for it.
_NOT_ASKED_FOR: Final = [
    "after_expiration",
    "allow_promotion_codes",
    "billing_address_collection",
    "client_secret",
    "consent",
    "consent_collection",
    "currency_conversion",
    "customer_account",
    "integration_identifier",
    "invoice",
    "locale",
    "origin_context",
    "payment_link",
    "permissions",
    "recovered_from",
    "saved_payment_method_options",
    "setup_intent",
    "shipping_address_collection",
    "shipping_cost",
    "submit_type",
    "subscription",
    "wallet_options",
]


def _settings() -> Json:
    """What a session shows of features that nobody switched on."""
    texts = ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
    collected = ("business_name", "individual_name", "shipping_details")
    invoice = ("account_tax_ids", "custom_fields", "description", "footer", "issuer")
    return {
        "adaptive_pricing": {"enabled": True},
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "collected_information": dict.fromkeys(collected),
        "custom_fields": [],
        "custom_text": dict.fromkeys(texts),
        "discounts": [],
        "invoice_creation": {
            "enabled": False,
            "invoice_data": {
                **dict.fromkeys(invoice),
                "metadata": {},
                "rendering_options": None,
            },
        },
        "managed_payments": {"enabled": False},
        "payment_method_collection": "if_required",
        "payment_method_configuration_details": {"id": "pmc_standin", "parent": None},
        "payment_method_options": {},
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
    }


def line_item(key: str, name: str, currency: str, unit_amount: int, quantity: int) -> Json:
    """One line of a session, seen only where it is expanded or listed."""
    amount = unit_amount * quantity
    return {
        "id": key,
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": currency,
        "description": name,
        "metadata": {},
        "price": {
            "id": key.replace("li_", "price_"),
            "object": "price",
            "active": False,
            "currency": currency,
            "type": "one_time",
            "unit_amount": unit_amount,
        },
        "quantity": quantity,
    }


def payment_intent(key: str, created: int, session: Json, metadata: Mapping[str, str]) -> Json:
    """The intent that a session makes when its customer confirms."""
    return {
        "id": key,
        "object": "payment_intent",
        "amount": session["amount_total"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{key}_secret_standin",
        "confirmation_method": "automatic",
        "created": created,
        "currency": session["currency"],
        "customer": session["customer"],
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": dict(metadata),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": list(session["payment_method_types"]),
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }


def event(key: str, created: int, version: str, *, kind: str, data: Json, request: Json) -> Json:
    """What a webhook brings."""
    return {
        "id": key,
        "object": "event",
        "api_version": version,
        "created": created,
        "data": data,
        "livemode": False,
        "pending_webhooks": 1,
        "request": request,
        "type": kind,
    }


def page(url: str, data: list[Json], *, has_more: bool) -> Json:
    """One page of a list."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}
