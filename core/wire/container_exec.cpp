#include "wire/container_exec.hpp"

#include "wire/fields.hpp"

namespace gantry::wire {

template <class Visitor, SameAs<ExecConfig> T>
void visit(Visitor& fields, T& config) {
  fields("User", config.user, Empty::brief);
  fields("Privileged", config.privileged);
  fields("Tty", config.tty);
  fields("ConsoleSize", config.console_size, Empty::brief);
  fields("AttachStdin", config.attach_stdin);
  fields("AttachStderr", config.attach_stderr);
  fields("AttachStdout", config.attach_stdout);
  fields("DetachKeys", config.detach_keys, Empty::brief);
  fields("Env", config.env, Empty::brief);
  fields("WorkingDir", config.working_dir, Empty::brief);
  fields("Cmd", config.cmd);
}

template <class Visitor, SameAs<ExecStartConfig> T>
void visit(Visitor& fields, T& config) {
  fields("Detach", config.detach);
  fields("Tty", config.tty);
  fields("ConsoleSize", config.console_size, Empty::brief);
}

nlohmann::ordered_json to_json(const ExecConfig& config) { return FieldWriter::encode(config); }
nlohmann::ordered_json to_json(const ExecStartConfig& config) { return FieldWriter::encode(config); }

void from_json(const nlohmann::json& in, ExecConfig& config) { FieldReader::decode(in, config, "ExecConfig"); }
void from_json(const nlohmann::json& in, ExecStartConfig& config) {
  FieldReader::decode(in, config, "ExecStartConfig");
}

}  // namespace gantry::wire
