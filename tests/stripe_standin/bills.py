"""Prices, subscriptions, their invoices and the portal as Stripe shows them, in the newest version.

A subscription has no period of its own: its items have. An invoice names its subscription under
`parent` and its payments only where they are expanded, and its own period is not that of its
lines: it is when its items were collected.
"""

from collections.abc import Mapping

from tests.stripe_standin.shapes import Json, page

__all__ = ["invoice", "invoice_payment", "portal", "price", "subscription"]

_OFF = {"enabled": False, "liability": None, "disabled_reason": None}
_ITSELF = {"type": "self"}


def price(key: str, created: int, *, product: str, amount: int, currency: str) -> Json:
    """A price that recurs every month."""
    return {
        "id": key,
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": created,
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": product,
        "recurring": {
            "interval": "month",
            "interval_count": 1,
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        },
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring",
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
    }


def subscription(
    key: str, created: int, priced: Json, *, customer: str, metadata: Mapping[str, str]
) -> Json:
    """A subscription to one price whose first invoice is yet to be paid; it has no period yet."""
    item: Json = {
        "id": key.replace("sub_", "si_"),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": created,
        "current_period_end": created,
        "current_period_start": created,
        "discounts": [],
        "metadata": {},
        "plan": _plan(priced),
        "price": dict(priced),
        "quantity": 1,
        "subscription": key,
        "tax_rates": [],
    }
    return {
        "id": key,
        "object": "subscription",
        **dict.fromkeys(_UNSET),
        "automatic_tax": dict(_OFF),
        "billing_cycle_anchor": created,
        "billing_mode": {"type": "flexible", "flexible": {}},
        "billing_schedules": [],
        "cancel_at_period_end": False,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": created,
        "currency": priced["currency"],
        "customer": customer,
        "default_tax_rates": [],
        "discounts": [],
        "invoice_settings": {
            **dict.fromkeys(("account_tax_ids", "custom_fields", "description", "footer")),
            "issuer": _ITSELF,
        },
        "items": page(f"/v1/subscription_items?subscription={key}", [item], has_more=False),
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": dict(metadata),
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "start_date": created,
        "status": "incomplete",
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
    }


# What a subscription shows as null unless somebody set it.
_UNSET = [
    "application",
    "application_fee_percent",
    "billing_cycle_anchor_config",
    "billing_thresholds",
    "cancel_at",
    "canceled_at",
    "customer_account",
    "days_until_due",
    "default_payment_method",
    "default_source",
    "description",
    "ended_at",
    "latest_invoice",
    "next_pending_invoice_item_invoice",
    "on_behalf_of",
    "pause_collection",
    "pending_invoice_item_interval",
    "pending_setup_intent",
    "pending_update",
    "schedule",
    "test_clock",
    "transfer_data",
    "trial_end",
    "trial_start",
]


def invoice(key: str, created: int, subscribed: Json, *, reason: str, collected: int) -> Json:
    """An open invoice for the present period of a subscription.

    ``collected``: when the period before began, which is what the invoice calls its own.
    """
    item = subscribed["items"]["data"][0]
    amount = item["price"]["unit_amount"]
    line = _line(key, subscribed, item, amount)
    return {
        "id": key,
        "object": "invoice",
        **dict.fromkeys(_NOT_SAID),
        "account_country": "US",
        "amount_due": amount,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_remaining": amount,
        "amount_shipping": 0,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": True,
        "automatic_tax": {**_OFF, "provider": None, "status": None},
        "billing_reason": reason,
        "collection_method": "charge_automatically",
        "created": created,
        "currency": subscribed["currency"],
        "customer": subscribed["customer"],
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_tax_rates": [],
        "discounts": [],
        "effective_at": created,
        "ending_balance": 0,
        "issuer": _ITSELF,
        "lines": page(f"/v1/invoices/{key}/lines", [line], has_more=False),
        "livemode": False,
        "metadata": {},
        "parent": _parent(subscribed),
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "period_end": item["current_period_start"],
        "period_start": collected,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": 0,
        "status": "open",
        "status_transitions": {
            "finalized_at": created,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "subtotal": amount,
        "subtotal_excluding_tax": amount,
        "total": amount,
        "total_discount_amounts": [],
        "total_excluding_tax": amount,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
    }


# What an invoice shows as null here.
_NOT_SAID = [
    "account_name",
    "account_tax_ids",
    "application",
    "automatically_finalizes_at",
    "custom_fields",
    "customer_account",
    "customer_address",
    "customer_email",
    "customer_name",
    "customer_phone",
    "customer_shipping",
    "default_payment_method",
    "default_source",
    "description",
    "due_date",
    "footer",
    "from_invoice",
    "hosted_invoice_url",
    "invoice_pdf",
    "last_finalization_error",
    "latest_revision",
    "next_payment_attempt",
    "number",
    "on_behalf_of",
    "receipt_number",
    "rendering",
    "shipping_cost",
    "shipping_details",
    "statement_descriptor",
    "test_clock",
    "webhooks_delivered_at",
]


def _parent(subscribed: Json) -> Json:
    return {
        "quote_details": None,
        "subscription_details": {
            "metadata": dict(subscribed["metadata"]),
            "subscription": subscribed["id"],
        },
        "type": "subscription_details",
    }


def _line(key: str, subscribed: Json, item: Json, amount: int) -> Json:
    return {
        "id": key.replace("in_", "il_"),
        "object": "line_item",
        "amount": amount,
        "currency": subscribed["currency"],
        "description": "1 PRO",
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": key,
        "livemode": False,
        "metadata": {},
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": False,
                "proration_details": None,
                "subscription": subscribed["id"],
                "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
        "period": {"start": item["current_period_start"], "end": item["current_period_end"]},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": item["price"]["id"], "product": item["price"]["product"]},
            "type": "price_details",
            "unit_amount_decimal": str(amount),
        },
        "quantity": 1,
        "quantity_decimal": "1",
        "subtotal": amount,
        "taxes": [],
    }


def invoice_payment(key: str, created: int, billed: Json, intent: Json) -> Json:
    """That an intent is to pay an invoice, and whether it has."""
    return {
        "id": key,
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": billed["amount_due"],
        "created": created,
        "currency": billed["currency"],
        "invoice": billed["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }


def portal(key: str, created: int, *, customer: str, return_url: str | None, url: str) -> Json:
    """A customer's way to their subscriptions, for some minutes."""
    return {
        "id": key,
        "object": "billing_portal.session",
        "configuration": "bpc_standin",
        "created": created,
        "customer": customer,
        "customer_account": None,
        "flow": None,
        "livemode": False,
        "locale": None,
        "on_behalf_of": None,
        "return_url": return_url,
        "url": url,
    }


def _plan(priced: Json) -> Json:
    """The same price as Stripe called it once."""
    return {
        "id": priced["id"],
        "object": "plan",
        "active": True,
        "amount": priced["unit_amount"],
        "amount_decimal": str(priced["unit_amount"]),
        "billing_scheme": "per_unit",
        "created": priced["created"],
        "currency": priced["currency"],
        "interval": "month",
        "interval_count": 1,
        "livemode": False,
        "metadata": {},
        "meter": None,
        "nickname": None,
        "product": priced["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }
