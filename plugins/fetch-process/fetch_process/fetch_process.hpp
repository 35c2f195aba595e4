#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

/// Gets what an address names by a process that has no rights (`gantry-fetch`, which says what its words are).
namespace gantry::fetch_process {

/// What the process told: the first word of each line, and the rest.
using Told = std::map<std::string, std::string>;

/// Runs the program `words.front()` to its end. `target` is its descriptor 3: the file, the pipe or the directory that
/// is filled. `subject` begins the messages of failures. `check` is called ten times a second at least and ends the
/// process by throwing. `lent` is its descriptor 4; -1: it has none. Any thread; blocks.
/// Errors: what the process says (not_found, invalid, unavailable, ...), io, and those of `check`.
Told fetch(const std::vector<std::string>& words, const std::string& address, int target, const std::string& subject,
           const std::function<void()>& check, int lent = -1);

/// An address as others may see it.
std::string without_password(const std::string& url);

}  // namespace gantry::fetch_process
