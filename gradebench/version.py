"""The version of GradeBench."""

VERSION = "0.1.0"

# The last migration of the release before this one. Its programs run on beside the migrations that came since, and
# tests/models/test_upgrade.py holds these to what that takes. At a release, after it was tagged, its own last migration
# is written here; what was kept for the sake of the release before may then be dropped by a new migration.
PREVIOUS_MIGRATION = "0008_lists_of_the_admin_stand_on_indexes"
