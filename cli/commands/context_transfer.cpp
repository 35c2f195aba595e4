#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "client/pending_file.hpp"
#include "commands/commands.hpp"
#include "commands/context.hpp"
#include "commands/file_source.hpp"
#include "contexts/context_archive.hpp"
#include "contexts/context_store.hpp"
#include "contexts/current_context.hpp"
#include "gantry/unique_fd.hpp"
#include "terminal/terminal.hpp"

namespace gantry::cli {

int context_export(Context& context) {
  Flags flags;
  const auto words = context.parse(flags, Arity::between(1, 2));
  const std::string& name = words[0];
  const std::string path = words.size() > 1 ? words[1] : name + ".dockercontext";
  const std::string archive =
      pack_context(name == kDefaultContext ? default_context(context.connection, context.config_dir)
                                           : ContextStore(context.config_dir).load_whole(name));
  if (path == "-") {
    if (is_terminal(STDOUT_FILENO)) throw Failure("cowardly refusing to export to a terminal, specify a file path");
    write_fully(STDOUT_FILENO, archive);
    return 0;
  }
  const UniqueFd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!file) throw_open_failure(path);
  write_fully(file.get(), archive);
  std::fprintf(stderr, "Written file \"%s\"\n", path.c_str());
  return 0;
}

int context_import(Context& context) {
  Flags flags;
  const auto words = context.parse(flags, Arity::exactly(2));
  const std::string& name = words[0];
  const ContextStore store(context.config_dir);
  check_new_context(store, name);
  UniqueFd file;
  if (words[1] != "-") {
    file.reset(::open(words[1].c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) throw_open_failure(words[1]);
  }
  const int fd = file ? file.get() : STDIN_FILENO;
  StoredContext read = unpack_context([fd](std::span<char> buffer) {
    const ssize_t size = ::read(fd, buffer.data(), buffer.size());
    return size < 0 ? 0 : static_cast<std::size_t>(size);
  });
  read.name = name;
  store.save(read);
  std::printf("%s\n", name.c_str());
  std::fflush(stdout);
  std::fprintf(stderr, "Successfully imported context \"%s\"\n", name.c_str());
  return 0;
}

}  // namespace gantry::cli
