#!/bin/sh
# comment.sh PULL_REQUEST NAME FILE: keep one comment of that name on a pull request, with the text of the file.
set -eu
comments="repos/$GITHUB_REPOSITORY/issues/$1/comments"
mark="<!-- bulkprof-$2 -->"
{ echo "$mark"; cat "$3"; } > "$3.marked"
# Only a comment of this bot: others may quote the mark.
found=$(gh api "$comments" --paginate \
  --jq ".[] | select(.user.login == \"github-actions[bot]\" and (.body | startswith(\"$mark\"))) | .id" | head -n 1)
if [ -n "$found" ]; then
  gh api --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$found" -F "body=@$3.marked" --silent
else
  gh api --method POST "$comments" -F "body=@$3.marked" --silent
fi
