"""What views are made of: forms of JSON, bodies, refusals, protections, descriptions.

Nothing here knows any view.
"""
