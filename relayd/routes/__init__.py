"""The HTTP interface: thin views over accounts, ledger, payments and sessions.

app        the application: which views there are, and one shape for every refusal
views      what programs ask for
pages      what people see
toolkit    what both are made of
"""
