"""What commands are made of, and knows none of them: options, output, exit codes, the database.

exits            exit codes, and which failure is which
options          how a command is added, and what many take: --config, --json
account_options  which server, and as whom
operator, hand   a database for as long as the command takes; who moves money by hand
output           tables and JSON; `live_line` is rewritten in place
"""
