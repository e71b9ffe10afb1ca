# The inbox as files, served by nginx. After `make web`, at the root of the repository:
#   docker build --file deploy/inbox.Dockerfile --tag romashka-inbox .
#   docker run --publish 8080:8080 --volume ./config.json:/usr/share/nginx/html/config.json:ro romashka-inbox
FROM nginxinc/nginx-unprivileged:1.29-alpine
COPY deploy/inbox.conf /etc/nginx/conf.d/default.conf
COPY inbox/dist /usr/share/nginx/html
