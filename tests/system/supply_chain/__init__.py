"""Check the dependencies: known vulnerabilities, a bill of materials, licences; each by a separately installed tool."""
