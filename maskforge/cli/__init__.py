"""The command line: parses, calls one public function, prints. It holds no logic of its own."""
