-- Where a waiting import finds its data, so that one that was accepted is carried out whatever becomes of the process
-- that accepted it. JSON; none for imports of the command line, which end with it.
ALTER TABLE city_import ADD COLUMN origin TEXT;
