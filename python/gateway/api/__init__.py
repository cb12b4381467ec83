"""HTTP in: requests become calls, answers become bytes on the wire. The only importer of `aiohttp.web`."""
