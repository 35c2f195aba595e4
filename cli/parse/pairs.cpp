#include "parse/pairs.hpp"

#include "parse/text.hpp"

namespace gantry::cli {

void set_pair(Json& object, const std::string& text) {
  const auto pair = cut(text, '=');
  object[pair ? pair->first : text] = pair ? pair->second : "";
}

Json object_of_pairs(const std::vector<std::string>& texts) {
  Json object = Json::object();
  for (const std::string& text : texts) set_pair(object, text);
  return object;
}

}  // namespace gantry::cli
