#include <cstdio>
#include <nlohmann/json.hpp>

#include "commands/commands.hpp"
#include "parse/reference.hpp"

namespace gantry::cli {

int container_commit(Context& context) {
  std::string author;
  std::string message;
  std::vector<std::string> changes;
  bool pause = true;
  Flags flags;
  flags.text("author,a", author, "Author (e.g., \"John Hannibal Smith <hannibal@a-team.com>\")")
      .list("change,c", changes, "Apply Dockerfile instruction to the created image")
      .text("message,m", message, "Commit message")
      .toggle("pause,p", pause, "Pause container during commit");
  const auto words = context.parse(flags, Arity::between(1, 2));
  Query query;
  query.add("container", words[0]);
  if (words.size() > 1) {
    const Reference name = parse_reference(words[1]);
    query.add("repo", name.name);
    query.add_if(!name.tag.empty(), "tag", name.tag);
  }
  query.add("comment", message).add("author", author).add("pause", pause ? "1" : "0");
  for (const std::string& change : changes) query.add("changes", change);
  const Json answer = context.client().post("/commit" + query.text(), Json());
  std::printf("%s\n", answer.value("Id", "").c_str());
  return 0;
}

}  // namespace gantry::cli
