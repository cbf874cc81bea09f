"""What nobody may do, over whole pages, the API and the admin; docs/security-tests.md says which test shows what."""
