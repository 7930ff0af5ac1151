# Writes a page of predicted times: cmake -D PGC=… -D PGRT=… -D MODEL=name -D SOURCE=model.pgm -D PUBLISHED=text -D PAGE=page.md -P TimePage.cmake
get_filename_component(folder ${PAGE} DIRECTORY)
set(plan ${folder}/${MODEL}.plan)
execute_process(COMMAND ${PGC} ${SOURCE} --target=sm_90a -o ${plan} COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${PGRT} inspect ${plan} --time OUTPUT_VARIABLE times COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE ${plan})
file(WRITE ${PAGE} "# Predicted times of ${MODEL}.pgm

Of the compiler that this page was built with, by `pgc ${MODEL}.pgm --target=sm_90a` and `pgrt inspect --time`. `runtime/predict/time-model.md`
explains them. Published, and measured there: ${PUBLISHED}.

```
${times}```
")
