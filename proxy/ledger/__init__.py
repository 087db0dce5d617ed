"""What calls leave behind: prices, the journal, and the usage records written from it."""
