"""What is in a page, as a browser would read it: its forms, its text, and its elements."""

from html.parser import HTMLParser


class Markup(HTMLParser):
    """Reads a page once."""

    def __init__(self, text) -> None:
        super().__init__()
        self.elements = []  # (name, attributes)
        self.forms = []  # (action, fields)
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        """Keep an element, and what a form sends."""
        given = dict(attrs)
        self.elements.append((tag, given))
        if tag == "form":
            self.forms.append((given.get("action"), {}))
        elif tag == "input" and self.forms and "name" in given:
            self.forms[-1][1][given["name"]] = given.get("value")

    def handle_data(self, data):
        """Keep text."""
        self.text += data

    def forms_to(self, action):
        """Return the fields of every form that is sent to an address."""
        return [fields for to, fields in self.forms if to == action]
