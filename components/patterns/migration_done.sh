
echo "migrated in $took s"
