"""What every party client does alike: session, outbox and inbox, link, witness. What differs is one module a party."""
