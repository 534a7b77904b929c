"""What we promise to Google's services and ask of what stands in for them."""
