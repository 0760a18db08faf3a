"""Who trains, who judges and who tests."""
