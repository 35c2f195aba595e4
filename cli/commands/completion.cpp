#include <cstdio>

#include "command/output.hpp"
#include "commands/commands.hpp"
#include "completion/candidates.hpp"

namespace gantry::cli {

namespace {

// All three ask the program itself, which knows its commands and the daemon's objects; where it knows nothing, files
// are proposed.
constexpr const char* kBash = R"script(# bash completion for gantry
#   source <(gantry completion bash)
_gantry() {
  local cur words cword IFS=$'\n'
  if declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref -n : cur words cword
  else
    cur=${COMP_WORDS[COMP_CWORD]} words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
  fi
  COMPREPLY=($(gantry __complete -- "${words[@]:1:cword}" 2>/dev/null))
  if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == @(*[=:]|ctrl-) ]]; then compopt -o nospace 2>/dev/null; fi
  if declare -F __ltrim_colon_completions >/dev/null; then __ltrim_colon_completions "$cur"; fi
}
complete -o bashdefault -o default -F _gantry gantry
)script";

constexpr const char* kZsh = R"script(#compdef gantry
# zsh completion for gantry
#   source <(gantry completion zsh), or a file _gantry in a folder of $fpath
_gantry() {
  local -a found
  found=("${(@f)$(gantry __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "${found[1]}" ]]; then
    # No space where the value goes on.
    compadd -S '' -- ${(M)found:#(*[=:]|ctrl-)}
    compadd -- ${found:#(*[=:]|ctrl-)}
    return 0
  else
    _files
  fi
}
if [[ "${funcstack[1]}" = "_gantry" ]]; then
  _gantry "$@"
else
  compdef _gantry gantry
fi
)script";

constexpr const char* kFish = R"script(# fish completion for gantry
#   gantry completion fish | source
function __gantry_complete
  set -l words (commandline -opc) (commandline -ct)
  gantry __complete -- $words[2..-1] 2>/dev/null
end
complete -c gantry -n 'test -n "$(__gantry_complete)"' -f -a '(__gantry_complete)'
)script";

}  // namespace

int print_completion(Context& context) {
  Flags flags;
  const std::string shell = context.parse(flags, Arity::exactly(1))[0];
  const char* script = shell == "bash" ? kBash : shell == "zsh" ? kZsh : shell == "fish" ? kFish : nullptr;
  if (script == nullptr) throw Failure("unsupported shell \"" + shell + "\": use one of bash, zsh or fish");
  print_text(script);
  return 0;
}

int print_candidates(Context& context, const std::vector<std::string>& words, bool directive) {
  const auto found = completions(context, words);
  for (const std::string& word : found) std::printf("%s\n", word.c_str());
  if (directive) std::printf(":%d\n", found.empty() ? 0 : 4);
  return 0;
}

}  // namespace gantry::cli
