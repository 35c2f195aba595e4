#include "command/table.hpp"

#include <array>

#include "commands/commands.hpp"

namespace gantry::cli {

namespace {

constexpr std::array kCommands{
    Command{"container", "create", "", "create", "[OPTIONS] IMAGE [COMMAND] [ARG...]", "Create a new container",
            container_create, false},
    Command{"container", "ls", "list,ps", "ps", "[OPTIONS]", "List containers", container_ls},
    Command{"container", "run", "", "run", "[OPTIONS] IMAGE [COMMAND] [ARG...]",
            "Create and run a new container from an image", container_run, false},
    Command{"image", "pull", "", "pull", "[OPTIONS] NAME[:TAG|@DIGEST]", "Download an image from a registry",
            image_pull},
    Command{"image", "push", "", "push", "[OPTIONS] NAME[:TAG]", "Upload an image to a registry", image_push},
};

constexpr std::array kGroups{
    CommandGroup{"container", "Manage containers"},
    CommandGroup{"image", "Manage images"},
};

}  // namespace

std::span<const Command> commands() { return kCommands; }
std::span<const CommandGroup> command_groups() { return kGroups; }

}  // namespace gantry::cli
