"""Listings of a bucket, as S3 writes them: both versions, with pages."""

import os
import urllib.parse
from xml.sax.saxutils import escape


def keys(folder):
    """All keys of a bucket in the order of their bytes, with their files."""
    found = []
    for parent, _, names in os.walk(folder, followlinks=True):
        for name in names:
            path = os.path.join(parent, name)
            found.append((os.path.relpath(path, folder), path))
    return sorted(found, key=lambda item: os.fsencode(item[0]))


def answer(folder, bucket, query, page):
    """A page of the listing that the query asks for."""
    asked = {name: values[0] for name, values in urllib.parse.parse_qs(
        query, keep_blank_values=True).items()}
    prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter", "")
    after = asked.get("continuation-token") or asked.get("start-after") or asked.get("marker", "")
    most = min(int(asked.get("max-keys", "1000")), page)
    encode = (lambda text: urllib.parse.quote_plus(text, safe="/")) \
        if asked.get("encoding-type") == "url" else escape
    lines, seen, last, cut = [], set(), "", False
    for key, path in keys(folder):
        if not key.startswith(prefix):
            continue
        name, is_folder = key, False
        if delimiter and delimiter in key[len(prefix):]:
            end = key.index(delimiter, len(prefix)) + len(delimiter)
            name, is_folder = key[:end], True
        if name in seen or os.fsencode(name) <= os.fsencode(after):
            continue
        if len(seen) == most:
            cut = True
            break
        seen.add(name)
        last = name
        if is_folder:
            lines.append(f"<CommonPrefixes><Prefix>{encode(name)}</Prefix></CommonPrefixes>")
        else:
            lines.append(
                f"<Contents><Key>{encode(key)}</Key>"
                "<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;0&quot;</ETag>"
                f"<Size>{os.path.getsize(path)}</Size><StorageClass>STANDARD</StorageClass>"
                "</Contents>")
    next_page = "<EncodingType>url</EncodingType>" if encode is not escape else ""
    if cut:
        name = "NextContinuationToken" if asked.get("list-type") == "2" else "NextMarker"
        next_page += f"<{name}>{escape(last)}</{name}>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>{escape(bucket)}</Name><Prefix>{encode(prefix)}</Prefix>"
        f"<KeyCount>{len(seen)}</KeyCount><MaxKeys>{most}</MaxKeys>"
        f"<IsTruncated>{'true' if cut else 'false'}</IsTruncated>{next_page}"
        f"{''.join(lines)}</ListBucketResult>").encode()
