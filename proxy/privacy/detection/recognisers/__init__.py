"""What can be told by its form: one file for each kind of data. `catalogue.build()` has them all."""
