"""What was seen, kept: the store on disk, the transcript a reasoner reads, and recall."""
