"""What has no form: people and streets, found by a small model and held to rules of spelling."""
