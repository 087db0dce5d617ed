"""placeholder to be replaced in this slice"""


class Document: ...
