"""How the bundled banks were made: hand-written wordings and topics, and seeded code that fills them."""
