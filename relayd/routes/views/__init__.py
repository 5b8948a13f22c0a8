"""The views: one file for each part of the HTTP interface, its forms and its refusals in it."""
