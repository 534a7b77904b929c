"""The work behind the API's methods: queries, inserts of rows, and the resources that answers contain."""
