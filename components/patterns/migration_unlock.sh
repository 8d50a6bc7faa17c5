
ask "select pg_advisory_unlock($MIGRATION_LOCK_KEY);" && [ "$reply" = t ] || lost 'while the migration ran; it will be run again'
