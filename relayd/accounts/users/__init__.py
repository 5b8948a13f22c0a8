"""The rows of users: made, changed, linked to by mail, given credit to, and made nobody's."""
