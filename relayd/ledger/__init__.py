"""The money: prepaid milliseconds, held before they are used, booked once, never lost."""
