# Installs the driver authors' package into a prefix of its own and builds drivers against that only: the examples, and
# those that the daemon must refuse.
# Takes BUILD (this project's build tree), EXAMPLES and BAD (sources), WORK (made anew), CXX, CXX_FLAGS, LAUNCHER.
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE failed OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(failed)
    message(FATAL_ERROR "${ARGV}\n${output}")
  endif()
endfunction()

function(build_drivers source build)
  run("${CMAKE_COMMAND}" -G Ninja -S "${source}" -B "${build}" "-DCMAKE_PREFIX_PATH=${WORK}/prefix"
      "-DCMAKE_CXX_COMPILER=${CXX}" "-DCMAKE_CXX_FLAGS=${CXX_FLAGS}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}" ${ARGN})
  run("${CMAKE_COMMAND}" --build "${build}")
endfunction()

file(REMOVE_RECURSE "${WORK}")
run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${WORK}/prefix" --component gantry-plugin)
# Copied away, so that no path of this tree is near.
file(COPY "${EXAMPLES}/" DESTINATION "${WORK}/examples")
file(COPY "${BAD}/" DESTINATION "${WORK}/bad")
build_drivers("${WORK}/examples" "${WORK}/build/good")
build_drivers("${WORK}/bad" "${WORK}/build/bad" "-DEXAMPLES=${WORK}/examples")
