#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::cli {

/// The flags of one command, read by the rules of Docker's command line (those of Go's pflag): "-it" is "-i -t",
/// "-p80" is "-p 80", "--name=x" is "--name x", "--rm=false" unsets, "--" ends the flags.
class Flags {
 public:
  /// Each flag is named "long" or "long,s". `value` gets what the user gave and holds the default until then.
  Flags& toggle(std::string_view names, bool& value, std::string_view help);
  Flags& text(std::string_view names, std::string& value, std::string_view help, std::string_view type = "string");
  Flags& list(std::string_view names, std::vector<std::string>& values, std::string_view help,
              std::string_view type = "list");
  /// Like `list`; a value may hold several, separated by commas.
  Flags& commas(std::string_view names, std::vector<std::string>& values, std::string_view help);
  Flags& integer(std::string_view names, std::int64_t& value, std::string_view help, std::string_view type = "int");

  /// A flag with a reader of its own, which throws InvalidValue.
  using Reader = std::function<void(const std::string&)>;
  Flags& custom(std::string_view names, std::string_view type, std::string_view help, Reader read);

  /// The same, but without "=" it is "true", unless the next word is one that `is_value` takes for its value.
  using IsValue = bool (*)(const std::string&);
  Flags& optional(std::string_view names, std::string_view type, std::string_view help, IsValue is_value, Reader read);

  /// Says on stdout that the flag that was added last is old, with `instead`: "use --timeout instead".
  Flags& deprecated(std::string_view instead);
  /// Leaves the flag that was added last out of the help.
  Flags& hidden();
  /// What the help says of the default of the flag that was added last; else the value itself, if it isn't empty.
  Flags& default_text(std::string_view text);

  /// Takes the flags out of `arguments` and gives what is left. Not `interspersed`: the first word that is no flag
  /// ends them. Throws InvalidValue with pflag's message. "--help" sets `help_wanted`, "-h" so does where no flag has
  /// it.
  std::vector<std::string> parse(const std::vector<std::string>& arguments, bool interspersed);

  [[nodiscard]] bool given(std::string_view name) const;
  [[nodiscard]] bool help_wanted() const noexcept { return help_wanted_; }
  /// By "-h", of which Docker says that it is no more to be used.
  [[nodiscard]] bool help_by_letter() const noexcept { return help_by_letter_; }
  [[nodiscard]] bool empty() const noexcept { return flags_.empty(); }

  struct Summary {
    std::string name;
    char shorthand{};  ///< 0: it has none.
    bool takes_value{};
    bool is_hidden{};  ///< The help does not show it.
  };
  /// All, and --help.
  [[nodiscard]] std::vector<Summary> summaries() const;
  /// The help's lines, wrapped to `width` columns.
  [[nodiscard]] std::string usages(std::size_t width) const;

 private:
  struct Flag {
    std::string name;
    char shorthand{};
    std::string type;
    std::string help;
    std::string default_text;
    std::string deprecated;  ///< What to say if it is given.
    bool is_hidden{};
    bool is_toggle{};
    IsValue is_value{};  ///< Of one whose value may be left out.
    bool was_given{};
    Reader read;
  };

  Flag& add(std::string_view names, std::string_view type, std::string_view help, Reader read);
  Flag* find(std::string_view name);
  Flag* find(char shorthand);
  void set(Flag& flag, const std::string& value);
  void set_help(const std::string& value);
  std::size_t take_long(const std::vector<std::string>& arguments, std::size_t index);
  std::size_t take_short(const std::vector<std::string>& arguments, std::size_t index);

  std::vector<Flag> flags_;
  std::string notices_;  ///< Said when all flags have been taken.
  bool help_wanted_ = false;
  bool help_by_letter_ = false;
};

/// Reads Go's spellings of a boolean. Throws InvalidValue.
bool parse_bool(const std::string& text);
/// Reads an integer without prefixes. Throws InvalidValue.
std::int64_t parse_decimal(const std::string& text);
/// Reads an integer that is not negative and fits `bits`. Throws InvalidValue.
std::int64_t parse_unsigned(const std::string& text, unsigned bits);
/// Reads an integer; "0x" and "0" prefixes as Go has them. Throws InvalidValue.
std::int64_t parse_integer(const std::string& text);

}  // namespace gantry::cli
