"""What we build on: known vulnerabilities, a bill of materials, licences; each by a tool that is installed apart."""
